"""How far to trust a posterior: scores, backtests, comparisons."""
