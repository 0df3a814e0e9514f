"""From two tables to lives that have not been lived: the lifecycle simulator, cell by cell."""

# %% [markdown]
# # From two tables to lives that have not been lived
#
# Run it cell by cell in an editor that knows `# %%`, or whole: `python examples/lifecycle_simulator.py`. The shop is drawn, so
# that nothing needs to be downloaded; put your own orders and contacts in its place.

# %%
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from simulations import (
    ActionResponse,
    Calendar,
    ContactRules,
    LifecycleSimulator,
    Outlook,
    Quantity,
    ResponseSet,
    SimulatorEnsemble,
    Span,
    StandingRule,
    build_panel,
    draw_world,
    fold,
    response_scale,
)

shop = draw_world(1).simulate_history(1500, 40, seed=1)
print(shop.orders.head(3))

# %% [markdown]
# ## The history, week by week
# What the simulator is fitted on is a panel: users by weeks. Its last ten weeks are kept aside.

# %%
panel = build_panel(
    shop.orders,
    shop.exposures,
    shop.customers,
    actions=shop.panel.actions,
    calendar=Calendar(first_day=date(2024, 1, 1), n_periods=40),
)
early = panel.as_of(30)

# %% [markdown]
# ## Fit, and read what was found
# What actions change is assumed here, the same for everybody. `decision-engine run` estimates it where the data can tell.

# %%
responses = ResponseSet(
    scale=response_scale(early),
    responses=tuple(
        ActionResponse.uniform_shift(name, Quantity(mean=0.15, sd=0.1), duration_weeks=3) for name in early.actions.names[1:]
    ),
)
simulator = LifecycleSimulator.from_history(early, responses=responses, rules=ContactRules(max_contacts=1), margin_share=0.3)
print(simulator.describe())

# %% [markdown]
# ## Ten weeks that nobody has seen
# Told whom the shop contacted, the simulator forecasts the weeks that were kept aside.

# %%
states = fold(early)
known = panel.take(np.isin(panel.user_ids, early.user_ids))
forecast = simulator.rollout(states, weeks=10, seed=1, period=30, schedule=known.exposure_bits[:, 30:])
came = known.order_days[:, 30:].sum(axis=1)
print(f"order-days a user: {forecast.order_days.mean():.2f} foretold, {came.mean():.2f} came")

# %% [markdown]
# ## A policy, and the same people without it
# The first action for whoever has been silent for two weeks. Both rollouts have the same luck.

# %%
rule = StandingRule(action=1, bounds={"recency_weeks": (2.0, 8.0)})
with_rule = simulator.rollout(states, rule, weeks=13, seed=1, period=30)
without = simulator.rollout(states, weeks=13, seed=1, period=30)
print(f"net margin a user: {(with_rule.net_margin - without.net_margin).mean():+.2f}, {with_rule.contacts.mean():.1f} contacts")

# %% [markdown]
# ## Twins
# Each user twice, once with a contact in the first week: what the contact did to whom.

# %%
nothing = np.zeros((states.n_users, 8), dtype=np.uint32)
once = nothing.copy()
once[:, 0] = 1 << 1  # a bit an action
first, second = simulator.twin(states, nothing, once, seed=1, period=30)
print(f"{np.mean(first.order_days != second.order_days):.0%} of the users order otherwise after one contact")

# %% [markdown]
# ## How sure is it?
# One simulator does not know its own error. Several, each fitted on other users and with another draw of what is assumed, do.

# %%
ensemble = SimulatorEnsemble.fit(early, responses=responses, rules=simulator.rules, margin_share=0.3, members=4, seed=1)
gains = [
    float((world.rollout(states, rule, weeks=13).net_margin - world.rollout(states, weeks=13).net_margin).mean())
    for world in ensemble.members
]
print(f"net margin a user in four worlds: {', '.join(f'{gain:+.2f}' for gain in gains)}")

# %% [markdown]
# ## Another world
# A promotion in the third week, and actions whose effect walks about.

# %%
changed = simulator.with_outlook(Outlook(start=30, spans=(Span(first=2, last=2, buying=0.3),), drift=0.05))
weekly = changed.rollout(states, rule, weeks=6, seed=1, period=30).weekly_frame()
print(weekly[["week", "order_days", "contacts"]])

# %% [markdown]
# ## Keep it
# Arrays and plain values in two files, with the number of their format; nothing in them is executed when they are read.

# %%
with tempfile.TemporaryDirectory() as folder:
    simulator.save(Path(folder) / "simulator")
    again = LifecycleSimulator.load(Path(folder) / "simulator")
same = bool((again.rollout(states, rule, weeks=13, seed=1, period=30).totals == with_rule.totals).all())
print(f"saved, loaded, the same lives: {same}")
