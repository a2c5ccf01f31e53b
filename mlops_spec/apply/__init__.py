"""Make the world what the specs say: plan and apply walk the same list of stages."""
