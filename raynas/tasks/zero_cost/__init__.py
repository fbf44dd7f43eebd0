"""Zero-cost proxies: what an untrained network says of the trained one."""

from raynas.tasks.zero_cost.scorer import PREFIX, PROXIES, ZeroCost

__all__ = ["PREFIX", "PROXIES", "ZeroCost"]
