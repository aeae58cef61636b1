"""Base models, low-rank adapters, DPO and GRPO: pairs and rewards to adapters."""
