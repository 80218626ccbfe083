"""Dagster's daemon, which looks every second instead of every 5 or 30: started as a program. Otherwise it is Dagster's own."""

from dagster._daemon import asset_daemon, cli, controller, sensor

if __name__ == "__main__":
    sensor.MIN_INTERVAL_LOOP_TIME = asset_daemon.MIN_INTERVAL_LOOP_SECONDS = 1
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1  # of backfills
    cli.main()
