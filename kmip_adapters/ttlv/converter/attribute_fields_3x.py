"""Fields that hold or name attributes, in 3.0: those of 2.x, with links as attributes (`attributes_3x`)."""

from kmip_adapters.ttlv.converter.attribute_fields_2x import plans_with
from kmip_adapters.ttlv.converter.attributes_3x import AttributesForm
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    return plans_with(AttributesForm, planner)
