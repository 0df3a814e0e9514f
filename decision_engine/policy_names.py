"""The names of the policies that can be simulated, known before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

from decision_engine.config.models import Config
from simulations.errors import InputError

TRAINED = ("LinUCB", "PPO")  # set up only where they are asked for


def policy_names(config: Config) -> tuple[str, ...]:
    """Return the names that `--policy` may say; "as history did" needs a history with contacts.

    Those of `policies.rules`, without its imports.
    """
    actions = [action.name for action in config.actions]
    always = (f"always {name}" for name in actions)
    return ("do nothing", *always, "as history did", f"lapse rule, {actions[0]}", "uplift-greedy", *TRAINED)


def check_policies(config: Config, wanted: Sequence[str]) -> None:
    """Refuse policies that are not there, or that the configuration leaves untrained.

    Raises
    ------
    InputError
        For the first of them.
    """
    untrained = {"LinUCB": ("bandit_rounds", config.policies.bandit_rounds), "PPO": ("ppo_steps", config.policies.ppo_steps)}
    for name in wanted:
        found = named_policy(policy_names(config), name)
        key, amount = untrained.get(found, ("", 1))
        if not amount:
            raise InputError(
                f"--policy {name}: {config.origin.where(('policies', key))} is 0, so that {found} learns nothing; "
                "set it to more."
            )


def named_policy(names: Sequence[str], wanted: str) -> str:
    """Return the policy that somebody means, whatever its capitals.

    Raises
    ------
    InputError
        If there is none of that name; those there are are listed.
    """
    for name in names:
        if name.casefold() == wanted.strip().casefold():
            return name
    raise InputError(f"--policy {wanted}: there is no such policy; there are {', '.join(names)}.")
