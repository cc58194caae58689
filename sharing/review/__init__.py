"""What reviewers read of a draft before they approve it: coverage, movements, what is withheld and why, the proof."""
