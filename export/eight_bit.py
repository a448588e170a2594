"""What was asked for in 8 bit."""

from dataclasses import dataclass, field

from export.processor import IntegerWeights, choose_integer_weights
from export.profiles import PROFILES, Profile


@dataclass(frozen=True, kw_only=True)
class EightBit:
    """The flags of `to_onnx.py` that an 8-bit graph hangs on."""

    name: str = "faithful"
    integer_weights: IntegerWeights = field(default_factory=choose_integer_weights)

    @property
    def profile(self) -> Profile:
        """The schemes and limits of that name."""
        return PROFILES[self.name]

    @property
    def unsigned(self) -> bool:
        """Whether weights of integer products are stored as uint8."""
        return self.integer_weights.type == "uint8"

    def entry(self) -> dict[str, object]:
        """What `bundle.json` keeps of it."""
        return {"profile": self.name, "integer_weights": self.integer_weights.entry()}
