"""Fakes that tests of agents and blueprints need."""
