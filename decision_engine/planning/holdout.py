"""The holdout: users never contacted, so that there is somebody to compare with.

Membership is a keyed hash of the user, the same in every plan that uses the key. A user is in when a number that never
changes falls below the share; a growing share therefore only adds users, and nobody is let out to be contacted and taken in
again.
"""

from __future__ import annotations

import hashlib

import numpy as np

from simulations.arrays import BoolArray, KeyArray
from simulations.errors import PlanError
from simulations.randomness import Address, Channel


def in_holdout(user_keys: KeyArray, share: float, key: str) -> BoolArray:
    """Tell for each user whether it belongs to the holdout.

    Parameters
    ----------
    user_keys : (n_users,) uint64 array
        See `simulations.randomness.user_keys`.
    share : float
        Expected share of users held out, in [0, 1).
    key : str
        Names the draw. Another key draws another holdout.

    Raises
    ------
    PlanError
        If the share lies outside [0, 1).

    Examples
    --------
    >>> from simulations.randomness import user_keys
    >>> users = user_keys(str(i) for i in range(10_000))
    >>> small, large = in_holdout(users, 0.1, "spring"), in_holdout(users, 0.2, "spring")
    >>> bool((large | ~small).all()), round(float(small.mean()), 2)
    (True, 0.1)
    """
    if not 0.0 <= share < 1.0:
        raise PlanError(f"campaign.holdout_share: {share} lies outside [0, 1); 0.1 holds out a tenth of the users.")
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") >> 2
    draws = Address(seed=seed, member=0, period=0, user_keys=user_keys).uniforms(Channel.HOLDOUT)
    return np.asarray(draws < share)


def key_digest(key: str) -> str:
    """Return a fingerprint that tells two keys apart without showing them."""
    return hashlib.sha256(b"holdout key\0" + key.encode()).hexdigest()[:16]
