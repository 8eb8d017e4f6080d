"""The fault zoo: sick and healthy trainings, one small TOML file each, and what reads and judges them."""
