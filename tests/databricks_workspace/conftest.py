import pytest
from playbook import Databricks


@pytest.fixture
def databricks(tmp_path):
    made = Databricks(tmp_path)
    yield made
    made.stand_in.stop()


@pytest.fixture
def make(tmp_path):
    """A Databricks with a world of its own."""
    made = []

    def start(**world):
        made.append(Databricks(tmp_path, **world))
        return made[-1]

    yield start
    for one in made:
        one.stand_in.stop()
