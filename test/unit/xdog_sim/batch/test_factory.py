"""Making batches by the names of backend and device."""

import pytest
from simulated_robots import CONFIG, ROBOT

from xdog_sim.batch.factory import make_batch, training_options

OPTIONS = training_options(0.005, CONFIG.control.kp, CONFIG.control.kd)


def test_the_default_runs_on_this_machine() -> None:
    sim = make_batch(OPTIONS, 3, 1, ROBOT)
    assert (sim.num, sim.timestep) == (3, 0.005)
    assert sim.state().position.shape == (3, 3)


@pytest.mark.parametrize(("backend", "device"), [("isaac", "cpu"), ("mujoco", "cuda"), ("", "")])
def test_what_does_not_exist_is_refused_with_what_there_is(backend: str, device: str) -> None:
    with pytest.raises(ValueError, match=f"backend '{backend}' on device '{device}'. There are: mujoco on cpu"):
        make_batch(OPTIONS, 1, backend=backend, device=device)
