"""What is learned: observations, rewards, commands, terminations on a BatchSim."""
