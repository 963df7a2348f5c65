# SPDX-License-Identifier: Apache-2.0
"""What people put where: which types of small things belong on or in which types of receptacles."""

from __future__ import annotations

_FOOD = frozenset({
    "Apple", "AppleSliced", "Bread", "BreadSliced", "Egg", "EggCracked", "Lettuce", "LettuceSliced", "Potato",
    "PotatoSliced", "Tomato", "TomatoSliced",
})  # fmt: skip
_CUTLERY = frozenset({"ButterKnife", "Fork", "Knife", "Ladle", "Spatula", "Spoon"})
_DISHES = frozenset({"Bowl", "Cup", "Mug", "Pan", "Plate", "Pot"})
_BOTTLES = frozenset({"Bottle", "WineBottle"})
_CLOTHS = frozenset({"Cloth", "HandTowel", "Towel"})
_WASHING = frozenset({"DishSponge", "ScrubBrush", "SoapBar", "SoapBottle", "SprayBottle"})
_BULKY = frozenset({"BaseballBat", "BasketBall", "Boots", "Dumbbell", "TeddyBear", "TennisRacket", "WateringCan"})

# Receptacles not named here take whatever has room on or in them.
_ONLY: dict[str, frozenset[str]] = {
    "Bathtub": _CLOTHS | _WASHING,
    "Bowl": _FOOD | _CUTLERY | {"Egg", "KeyChain", "CreditCard", "Pen", "Pencil", "Watch", "CellPhone"},
    "ClothesDryer": _CLOTHS | {"Boots", "Pillow", "TeddyBear"},
    "CoffeeMachine": frozenset({"Mug", "Cup"}),
    "Fridge": _FOOD | _DISHES | _BOTTLES,
    "LaundryHamper": _CLOTHS | {"Pillow", "TeddyBear"},
    "Microwave": _FOOD | (_DISHES - {"Pan", "Pot"}),
    "Pan": _FOOD | _CUTLERY,
    "Plate": _FOOD | _CUTLERY | {"Cup", "Mug"},
    "Pot": _FOOD | _CUTLERY,
    "Sink": _FOOD | _CUTLERY | _DISHES | _BOTTLES | _CLOTHS | _WASHING | {"Kettle"},
    "SinkBasin": _FOOD | _CUTLERY | _DISHES | _BOTTLES | _CLOTHS | _WASHING | {"Kettle"},
    "StoveBurner": frozenset({"Kettle", "Pan", "Pot"}),
    "Toaster": frozenset({"BreadSliced"}),
    "Toilet": _CLOTHS | {"Candle", "SoapBar", "SoapBottle", "SprayBottle", "TissueBox", "ToiletPaper"},
    "WashingMachine": _CLOTHS | {"Boots", "Pillow", "TeddyBear"},
}
_NEVER: dict[str, frozenset[str]] = {
    "Bed": _FOOD | _CUTLERY | _BOTTLES | _WASHING,
    "DogBed": _FOOD | _CUTLERY | _DISHES | _BOTTLES,
    "GarbageCan": _BULKY | {"CellPhone", "Laptop", "Pillow"},
    "Sofa": _WASHING,
}


def goes_together(type_name: str, receptacle: str) -> bool:
    """Whether things of a type may be put on or in a type of receptacle, were there room."""
    if receptacle in _ONLY:
        return type_name in _ONLY[receptacle]
    return type_name not in _NEVER.get(receptacle, frozenset())
