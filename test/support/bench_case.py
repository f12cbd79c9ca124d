"""What the tests of the benchmark share."""

from dataclasses import replace

from xdog_sim.tasks.gait_config import GaitConfig, load_gait_config


def no_report(_label: str, _share: float) -> None:
    """Ignore progress."""


def small_config() -> GaitConfig:
    """The shipped settings with few robots and small networks."""
    config = load_gait_config()
    ppo = replace(config.ppo, robots=6, steps=4, minibatches=2, epochs=1, actor=(32, 16), critic=(24, 8))
    return replace(config, ppo=ppo)
