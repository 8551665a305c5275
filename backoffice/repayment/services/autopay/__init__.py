"""The verbs of autopay: plan, build, submit, settle, resolve, reconcile, and the life of configurations."""
