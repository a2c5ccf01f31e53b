"""Words that the compiler, the state and the runtime share. Standard library only."""
