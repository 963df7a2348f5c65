# SPDX-License-Identifier: Apache-2.0
"""What people do at home and at work in a day, as tables: which things they carry where, switch, open, bring and take.

Names are those of the simulator's object types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["carry", "switch", "door", "light", "bring", "take", "slice"]


@dataclass(frozen=True, slots=True)
class Routine:
    """Something people do.

    Attributes:
        name: what one would call it.
        weight: how often, compared with other routines.
        types: of the things it is about; of "bring", what may come into the house.
        to: types of what they are put on or in, any of them.
        then: where they go later, often; a door, a light and a lamp are set back later.
    """

    name: str
    kind: Kind
    weight: float
    types: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


_TABLES = ("CoffeeTable", "DiningTable", "Desk", "SideTable")
_SEATS = ("Sofa", "Bed", "ArmChair")
_FOOD = ("Apple", "Bread", "Tomato", "Potato", "Lettuce", "Egg")

ROUTINES: tuple[Routine, ...] = (
    Routine("drink", "carry", 3.0, ("Mug", "Cup"), _TABLES, ("Sink", "CounterTop")),
    Routine("read", "carry", 2.5, ("Book", "Newspaper"), (*_SEATS, *_TABLES), ("ShelvingUnit", "Desk")),
    Routine("work", "carry", 2.0, ("Laptop",), ("Desk", "DiningTable", "Sofa", "Bed", "CoffeeTable"), ("Desk",)),
    Routine("eat", "carry", 2.0, _FOOD, ("DiningTable", "CounterTop", "Plate", "Bowl")),
    Routine("put food away", "carry", 1.0, _FOOD, ("Fridge",)),
    Routine("lay the table", "carry", 1.5, ("Plate", "Bowl", "Fork", "Spoon", "Knife"), ("DiningTable",), ("Sink",)),
    Routine("cook", "carry", 1.5, ("Pot", "Pan", "Kettle"), ("CounterTop", "StoveBurner"), ("Cabinet", "ShelvingUnit")),
    Routine("watch", "carry", 1.5, ("RemoteControl",), ("Sofa", "ArmChair", "CoffeeTable"), ("TVStand",)),
    Routine("phone", "carry", 1.5, ("CellPhone",), ("Sofa", "Bed", "Dresser", *_TABLES)),
    Routine("do the laundry", "carry", 1.0, ("Cloth", "Towel", "HandTowel"), ("LaundryHamper", "WashingMachine")),
    Routine("rest", "carry", 1.0, ("Pillow",), _SEATS),
    Routine("play", "carry", 0.7, ("TeddyBear", "TableTopDecor"), ("Sofa", "Bed", "ArmChair", "Dresser")),
    Routine("change the paper", "carry", 0.8, ("ToiletPaper",), ("Toilet", "Stool", "WashingMachine", "ShelvingUnit")),
    Routine("come home", "carry", 1.0, ("KeyChain", "CreditCard", "Watch"), ("Dresser", "Bowl", *_TABLES)),
    Routine("decorate", "carry", 0.8, ("Vase", "Statue", "Candle"), ("ShelvingUnit", "Dresser", *_TABLES)),
    Routine("clean", "carry", 0.8, ("SprayBottle", "SoapBottle", "DishSponge"), ("Sink", "CounterTop", "Bathtub")),
    Routine("slice", "slice", 1.0, ("Apple", "Bread", "Tomato", "Potato", "Lettuce")),
    Routine("switch", "switch", 1.5, ("Television", "DeskLamp", "FloorLamp", "Laptop", "CoffeeMachine")),
    Routine("light", "light", 0.8),
    Routine("door", "door", 0.8),
    Routine("shop", "bring", 1.5, (*_FOOD, "Bottle", "WineBottle", "Box"), ("CounterTop", "DiningTable", "Desk")),
    Routine("mail", "bring", 0.8, ("Newspaper", "Book"), ("CoffeeTable", "Dresser", "Desk", "SideTable")),
    Routine("use up", "take", 1.2, (*_FOOD, "ToiletPaper", "TissueBox", "Newspaper", "Bottle")),
    Routine("leave", "take", 0.8, ("KeyChain", "CellPhone", "Watch", "Box", "Laptop")),
)
