"""What `manage.py bench` measures, one module a subject; targets are those of the design. See docs/benchmarks.md."""
