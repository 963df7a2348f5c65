# SPDX-License-Identifier: Apache-2.0
"""What usually stands in a room, and what usually lies on or in it: our own judgement, written as tables.

Names are those of the simulator's object types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["wall", "corner", "middle", "floor"]


@dataclass(frozen=True, slots=True)
class Group:
    """A piece of furniture and what belongs to it.

    Attributes:
        mode: back to a wall, back to a wall in a corner, away from the walls, or small on the floor near a wall.
        chance: of being there, or when above 1 how many on average.
        clear_m: free floor wanted before it.
        beside: types to its left and right, as far as there is room.
        before: a type before it that faces it ("" for none), `gap_m` away.
        around: a type all around it that faces it.
        stretch: how much wider than usual it is.
    """

    mode: Mode
    type: str
    chance: float = 1.0
    clear_m: float = 0.6
    beside: tuple[str, ...] = ()
    before: str = ""
    gap_m: float = 0.05
    around: str = ""
    stretch: float = 1.0


@dataclass(frozen=True, slots=True)
class Hung:
    """Something on a wall, its middle at a height in metres; `by_door` next to a door."""

    type: str
    chance: float
    height_m: float
    by_door: bool = False


_BIN = Group("corner", "GarbageCan", 0.7, 0.4)
_PLANT = Group("corner", "HousePlant", 0.5, 0.0)
_LAMP = Group("corner", "FloorLamp", 0.6, 0.0)

FURNITURE: dict[str, tuple[Group, ...]] = {
    "LivingRoom": (
        Group("wall", "Sofa", 1.0, 0.5, before="CoffeeTable", gap_m=0.42),
        Group("wall", "TVStand", 0.95, 0.7),
        Group("wall", "ShelvingUnit", 0.8, 0.6),
        Group("wall", "ArmChair", 0.9, 0.5),
        Group("middle", "DiningTable", 0.25, around="Chair"),
        Group("wall", "Dresser", 0.25, 0.6),
        Group("corner", "SideTable", 0.5, 0.4),
        _LAMP,
        _PLANT,
        Group("floor", "BasketBall", 0.2, 0.0),
        Group("floor", "DogBed", 0.15, 0.0),
        Group("floor", "Box", 0.3, 0.0),
    ),
    "Kitchen": (
        Group("wall", "CounterTop", 1.0, 0.75),
        Group("wall", "Fridge", 1.0, 0.75),
        Group("wall", "Sink", 1.0, 0.7),
        Group("middle", "DiningTable", 0.7, around="Chair"),
        Group("wall", "Cabinet", 1.0, 0.65),
        Group("wall", "ShelvingUnit", 0.3, 0.6),
        _BIN,
        Group("corner", "Stool", 0.3, 0.0),
    ),
    "DiningRoom": (
        Group("middle", "DiningTable", 1.0, around="Chair"),
        Group("wall", "Dresser", 0.8, 0.6),
        Group("wall", "ShelvingUnit", 0.5, 0.6),
        Group("wall", "Cabinet", 0.5, 0.65),
        _PLANT,
        _LAMP,
    ),
    "Bedroom": (
        Group("wall", "Bed", 1.0, 0.6, beside=("SideTable", "SideTable")),
        Group("wall", "Dresser", 0.8, 0.65),
        Group("wall", "Desk", 0.5, 0.5, before="Chair"),
        Group("wall", "ShelvingUnit", 0.35, 0.6),
        Group("corner", "LaundryHamper", 0.5, 0.4),
        Group("wall", "ArmChair", 0.2, 0.5),
        Group("corner", "Safe", 0.15, 0.5),
        _LAMP,
        _PLANT,
        Group("floor", "Boots", 0.3, 0.0),
        Group("floor", "TennisRacket", 0.15, 0.0),
        Group("floor", "Dumbbell", 0.2, 0.0),
    ),
    "Bathroom": (
        Group("wall", "Toilet", 1.0, 0.55),
        Group("wall", "Sink", 1.0, 0.65),
        Group("corner", "Bathtub", 0.7, 0.0),
        Group("wall", "WashingMachine", 0.3, 0.65),
        Group("corner", "GarbageCan", 0.7, 0.3),
        Group("corner", "LaundryHamper", 0.4, 0.3),
        Group("corner", "Stool", 0.3, 0.0),
        Group("floor", "ScrubBrush", 0.4, 0.0),
        Group("floor", "Plunger", 0.4, 0.0),
    ),
    "Hallway": (
        Group("wall", "Dresser", 0.25, 0.75),
        Group("corner", "SideTable", 0.4, 0.75),
        _PLANT,
        Group("floor", "Boots", 0.3, 0.0),
    ),
    "Office": (
        Group("wall", "Desk", 1.0, 0.5, before="Chair"),
        Group("wall", "ShelvingUnit", 0.9, 0.6),
        Group("wall", "Desk", 0.4, 0.5, before="Chair"),
        Group("wall", "Cabinet", 0.5, 0.65),
        Group("wall", "ArmChair", 0.3, 0.5),
        Group("corner", "Safe", 0.2, 0.5),
        _BIN,
        _PLANT,
        _LAMP,
    ),
    "MeetingRoom": (
        Group("middle", "DiningTable", 1.0, around="Chair", stretch=1.6),
        Group("wall", "TVStand", 0.8, 0.7),
        Group("wall", "Dresser", 0.4, 0.6),
        _PLANT,
        _BIN,
    ),
    "LaundryRoom": (
        Group("wall", "WashingMachine", 1.0, 0.65),
        Group("wall", "ClothesDryer", 0.8, 0.65),
        Group("corner", "LaundryHamper", 0.9, 0.4),
        Group("wall", "Cabinet", 0.4, 0.65),
        Group("corner", "VacuumCleaner", 0.4, 0.0),
    ),
    "StorageRoom": (
        Group("wall", "ShelvingUnit", 1.8, 0.65),
        Group("wall", "Cabinet", 0.6, 0.65),
        Group("floor", "Box", 0.9, 0.0),
        Group("corner", "VacuumCleaner", 0.6, 0.0),
        Group("floor", "GarbageBag", 0.2, 0.0),
    ),
}
# Furniture of a home of one room, before what a living room has.
STUDIO: tuple[Group, ...] = (
    Group("wall", "Bed", 1.0, 0.6, beside=("SideTable",)),
    Group("wall", "CounterTop", 1.0, 0.75),
    Group("wall", "Fridge", 1.0, 0.75),
    Group("wall", "Sink", 0.8, 0.7),
    Group("middle", "DiningTable", 0.7, around="Chair"),
)
_SWITCH = Hung("LightSwitch", 0.8, 1.15, by_door=True)
HUNG: dict[str, tuple[Hung, ...]] = {
    "LivingRoom": (_SWITCH, Hung("Painting", 2.0, 1.6)),
    "Kitchen": (_SWITCH, Hung("Painting", 0.5, 1.6)),
    "DiningRoom": (_SWITCH, Hung("Painting", 1.2, 1.6)),
    "Bedroom": (_SWITCH, Hung("Painting", 1.2, 1.6)),
    "Bathroom": (
        _SWITCH,
        Hung("TowelHolder", 0.8, 1.2),
        Hung("HandTowel", 0.7, 1.15),
        Hung("ToiletPaperHanger", 0.8, 0.7),
    ),
    "Hallway": (_SWITCH, Hung("Painting", 1.2, 1.6)),
    "Office": (_SWITCH, Hung("Painting", 0.8, 1.6)),
    "MeetingRoom": (_SWITCH, Hung("Painting", 1.0, 1.6)),
    "LaundryRoom": (_SWITCH,),
    "StorageRoom": (_SWITCH,),
}

# Parent, perhaps "@" the kind of room -> what it holds and how many on average, likeliest first.
# fmt: off
ON: dict[str, dict[str, float]] = {
    "Sofa": {"Pillow": 1.6, "RemoteControl": 0.3, "Book": 0.2, "Laptop": 0.1, "Newspaper": 0.15, "TeddyBear": 0.1},
    "ArmChair": {"Pillow": 0.5, "Book": 0.2, "Newspaper": 0.15},
    "CoffeeTable": {
        "RemoteControl": 0.6, "Book": 0.7, "Mug": 0.5, "Bowl": 0.3, "Newspaper": 0.4, "Vase": 0.3, "KeyChain": 0.2,
        "TissueBox": 0.2, "Candle": 0.2,
    },
    "TVStand": {"Television": 1.0, "Statue": 0.3, "Candle": 0.3, "RemoteControl": 0.15},
    "ShelvingUnit": {
        "Book": 2.5, "Vase": 0.6, "Statue": 0.6, "Box": 0.5, "HousePlant": 0.15, "TableTopDecor": 0.5,
        "TissueBox": 0.3,
        "WateringCan": 0.2, "CD": 0.3, "Candle": 0.3,
    },
    "ShelvingUnit@Kitchen": {
        "Pot": 0.7, "Bottle": 0.9, "WineBottle": 0.8, "Bowl": 0.9, "Plate": 0.7, "Kettle": 0.3, "Box": 0.3,
        "Bread": 0.2,
    },
    "ShelvingUnit@StorageRoom": {
        "Box": 1.6, "SprayBottle": 0.8, "PaperTowelRoll": 0.8, "ToiletPaper": 0.9, "WateringCan": 0.5,
        "AluminumFoil": 0.4,
        "TennisRacket": 0.2, "Dumbbell": 0.3,
    },
    "ShelvingUnit@Office": {"Book": 3.5, "Box": 0.6, "Statue": 0.4, "Vase": 0.3, "TissueBox": 0.3},
    "Dresser": {
        "Vase": 0.5, "Box": 0.3, "TableTopDecor": 0.4, "KeyChain": 0.3, "Statue": 0.4, "Candle": 0.4,
        "Watch": 0.2,
    },
    "SideTable": {
        "DeskLamp": 0.5, "AlarmClock": 0.4, "Book": 0.4, "CellPhone": 0.3, "Mug": 0.3, "KeyChain": 0.2,
        "TissueBox": 0.2,
    },
    "Desk": {
        "Laptop": 0.8, "DeskLamp": 0.6, "Book": 0.9, "Mug": 0.4, "Pen": 0.5, "Pencil": 0.4, "CellPhone": 0.3,
        "Cup": 0.2,
        "CreditCard": 0.15, "CD": 0.2,
    },
    "DiningTable": {
        "Plate": 1.3, "Bowl": 0.7, "Cup": 0.7, "Mug": 0.5, "Fork": 0.7, "Spoon": 0.5, "Knife": 0.3, "SaltShaker": 0.4,
        "PepperShaker": 0.4, "Bread": 0.3, "Apple": 0.4, "Vase": 0.3, "Candle": 0.2,
    },
    "DiningTable@MeetingRoom": {"Laptop": 1.2, "Mug": 0.9, "Pen": 0.8, "Book": 0.5, "Bottle": 0.6, "CellPhone": 0.3},
    "CounterTop": {
        "StoveBurner": 0.9,
        "Toaster": 0.7, "CoffeeMachine": 0.7, "Mug": 0.7, "Plate": 0.5, "Bread": 0.5, "Pot": 0.4, "Pan": 0.3,
        "Kettle": 0.4,
        "SoapBottle": 0.5, "Bowl": 0.4, "Knife": 0.4, "Spatula": 0.3, "PaperTowelRoll": 0.4, "Tomato": 0.3,
        "Apple": 0.3,
        "Potato": 0.3, "Microwave": 0.6,
    },
    "Cabinet": {"Vase": 0.3, "Box": 0.2},
    "Cabinet@Kitchen": {"Microwave": 0.4, "Bowl": 0.2, "Bottle": 0.3},
    "Sink": {"Faucet": 1.0},
    "Toilet": {"ToiletPaper": 0.6, "Candle": 0.15},
    "WashingMachine": {"SprayBottle": 0.5, "Towel": 0.0, "Box": 0.2},
    "ClothesDryer": {"Cloth": 0.5, "Box": 0.2},
    "Bed": {"Pillow": 1.7, "TeddyBear": 0.25, "Book": 0.3, "Laptop": 0.15, "CellPhone": 0.15, "Cloth": 0.2},
    "Stool": {"Cloth": 0.3, "ToiletPaper": 0.2},
    "Chair": {"Book": 0.05, "Cloth": 0.05},
    "StoveBurner": {"Pot": 0.3, "Pan": 0.2, "Kettle": 0.1},
    "Bowl": {"Apple": 0.15, "Egg": 0.08},
    "Plate": {"Bread": 0.06, "Tomato": 0.06},
}
IN: dict[str, dict[str, float]] = {
    "Fridge": {
        "Egg": 0.8, "Lettuce": 0.6, "Tomato": 0.8, "Apple": 0.8, "Bottle": 0.9, "Bread": 0.3,
        "WineBottle": 0.4, "Potato": 0.4, "Pot": 0.2,
    },
    "Cabinet": {"Box": 0.4, "Book": 0.5, "Vase": 0.2, "Candle": 0.3, "TissueBox": 0.3},
    "Cabinet@Kitchen": {
        "Mug": 0.8, "Plate": 0.8, "Bowl": 0.8, "Cup": 0.7, "Pot": 0.5, "Pan": 0.4, "AluminumFoil": 0.3,
    },
    "Cabinet@LaundryRoom": {"SprayBottle": 0.7, "SoapBottle": 0.5, "Cloth": 0.6, "ToiletPaper": 0.6},
    "Microwave": {"Bowl": 0.15, "Mug": 0.15, "Potato": 0.1},
    "Safe": {"Watch": 0.6, "CreditCard": 0.5, "KeyChain": 0.5},
    "Sink": {"SoapBar": 0.4, "DishSponge": 0.2},
    "Sink@Kitchen": {"DishSponge": 0.7, "Plate": 0.3, "Mug": 0.3, "Spoon": 0.4, "Fork": 0.4},
    "Bathtub": {"SoapBottle": 0.4, "SoapBar": 0.2},
    "GarbageCan": {"Newspaper": 0.1, "Egg": 0.05},
    "LaundryHamper": {"Cloth": 0.6},
    "WashingMachine": {"Cloth": 0.6},
    "ClothesDryer": {"Cloth": 0.4},
    "Box": {"Book": 0.1, "CD": 0.15, "Candle": 0.1},
}
DRAWERS: dict[str, float] = {"SideTable": 0.45, "Desk": 0.5}
IN["Drawer"] = {"KeyChain": 0.3, "Watch": 0.3, "Pen": 0.5, "Pencil": 0.3, "CreditCard": 0.3, "CD": 0.2}
# fmt: on
