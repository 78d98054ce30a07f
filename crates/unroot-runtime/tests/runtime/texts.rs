//! The whole text of the most important diagnostics, for a person to judge.
