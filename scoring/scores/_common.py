"""Tables that scores read besides features. Nothing heavy is imported beside this file: every command lists scores."""

MODELS = "raw.scoring_model"
CLOCK = "staging.stg_clock"
