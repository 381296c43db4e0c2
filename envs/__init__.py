"""codegym.envs: problems, execution, rewards, the decision processes and the Gymnasium shell."""
