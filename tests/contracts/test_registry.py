"""Adding a type is one class; a careless one is refused when it is defined."""

import pytest

from warehouse import contracts
from warehouse.contracts import EventContract, envelope, reference
from warehouse.contracts.contract import REGISTRY
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Date, Number, Text


@pytest.fixture
def registry():
    before = dict(REGISTRY)
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(before)


def test_one_class_is_all_that_a_new_type_takes(registry):
    class MachineRepaired(EventContract, type="machine.repaired"):
        """A machine was repaired."""

        machine_id: Text = required("The machine.", example="m-1")
        repaired_on: Date = optional("Day of the repair.")

    contract = contracts.get("machine.repaired")
    assert contract is MachineRepaired
    assert (contract.type, contract.source, contract.summary) == (
        "machine.repaired",
        "machine",
        "A machine was repaired.",
    )
    assert contract.check_shape({"repaired_on": "VARCHAR"}).problems[0].reason == "missing_field"
    assert contract.example() == {"machine_id": "m-1", "repaired_on": "2025-03-14"}
    assert "machine.repaired" in envelope.json_schema()["$defs"]
    assert "### machine.repaired" in reference.markdown()
    assert contracts.closest("machine.repared")[0] == "machine.repaired"


def test_a_shared_base_is_no_type_and_its_fields_come_first(registry):
    class Base(EventContract):
        machine_id: Text = required("The machine.", example="m-1")

    class MachineSold(Base, type="machine.sold", source="erp"):
        """A machine was sold."""

        price: Number = optional("Price.", example=5)

    assert set(registry) >= {"machine.sold"}
    assert "" not in registry
    assert [spec.name for spec in MachineSold.fields()] == ["machine_id", "price"]
    assert MachineSold.source == "erp"


def test_two_contracts_for_a_type_are_refused(registry):
    with pytest.raises(TypeError, match=r"two contracts for crm\.deal\.won: DealWon and Again"):

        class Again(EventContract, type="crm.deal.won"):
            """A deal was won."""


def test_a_contract_without_a_docstring_of_one_line_is_refused(registry):
    with pytest.raises(TypeError, match="docstring"):

        class Silent(EventContract, type="machine.silent"):
            machine_id: Text = required("The machine.", example="m-1")

    with pytest.raises(TypeError, match="docstring"):

        class Talkative(EventContract, type="machine.talkative"):
            """A machine talked.

            At length.
            """

    assert not {"machine.silent", "machine.talkative"} & set(registry)


def test_a_text_needs_an_example(registry):
    with pytest.raises(TypeError, match="machine_id needs an example"):

        class Plain(EventContract, type="machine.plain"):
            """A machine is plain."""

            machine_id: Text = required("The machine.")


def test_bounds_of_a_number_that_json_schema_could_not_tell_are_refused(registry):
    with pytest.raises(TypeError, match="load"):

        class Loaded(EventContract, type="machine.loaded"):
            """A machine was loaded."""

            load: Number = required("Load in percent.", minimum=0, maximum=100, example=5)


def test_every_contract_and_every_field_is_described():
    for contract in contracts.all().values():
        assert contract.summary.endswith("."), contract.type
        for spec in contract.fields():
            assert len(spec.description) > 5, (contract.type, spec.name)
            assert spec.description.endswith("."), (contract.type, spec.name)


def test_the_version_changes_with_a_rule_and_not_with_a_description(registry):
    def rules(description: str, **rule: object) -> str:
        class Thing(EventContract, type="thing.seen"):
            """A thing was seen."""

            colour: Text = optional(description, **{"example": "red", **rule})

        del registry["thing.seen"]
        return Thing.rules()

    assert rules("The colour.") == rules("Its colour.", example="blue")
    assert rules("The colour.") != rules("The colour.", choices=("red", "blue"))
    assert rules("The colour.") != rules("The colour.", min_length=1)
    assert len(contracts.CONTRACTS_VERSION) == 12
