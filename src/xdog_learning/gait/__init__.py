"""The gait: training, evaluation, export."""
