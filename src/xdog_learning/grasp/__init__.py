"""Learning to grasp: demonstrations, policies, their training and evaluation."""
