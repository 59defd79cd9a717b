"""What machines ask of a running bot: Prometheus metrics, and whether it is alive and ready."""
