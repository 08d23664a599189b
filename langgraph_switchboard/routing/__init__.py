"""Routing: rules, classifier, cascade."""
