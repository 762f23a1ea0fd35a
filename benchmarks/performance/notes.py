"""Why a stage is far from its limit, where it is: each by a measurement that stands in the same run or in its page."""

EXPLAINED = {}
