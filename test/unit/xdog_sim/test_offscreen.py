"""A renderer is found without a screen, or one message names what to install."""

import os

import pytest

from xdog_sim.offscreen import RenderError, choose_renderer


def test_without_a_renderer_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(RenderError, match="MUJOCO_GL=nonsense: install libegl1 or libosmesa6"):
        choose_renderer()


def test_a_renderer_is_found_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    assert choose_renderer() in ("egl", "osmesa")
    assert os.environ["MUJOCO_GL"] in ("egl", "osmesa")
