"""Days on which the clocks of a time zone did something, for tests of its partitions."""

CHANGES = {
    "clocks go forward at 2:00": ("America/New_York", "2024-03-10"),
    "clocks go back at 2:00": ("America/New_York", "2024-11-03"),
    "clocks go forward at 1:00": ("Europe/London", "2025-03-30"),
    "clocks go back at 2:00, to the hour of UTC": ("Europe/London", "2024-10-27"),
    "midnight does not exist": ("America/Sao_Paulo", "2018-11-04"),
    "clocks go back at midnight": ("America/Sao_Paulo", "2018-02-18"),
    "midnight does not exist, on a Friday": ("Africa/Cairo", "2024-04-26"),
    "clocks go back at midnight, on a Friday": ("Africa/Cairo", "2024-11-01"),
    "midnight does not exist, in Asia": ("Asia/Beirut", "2024-03-31"),
    "clocks go back at midnight, in Asia": ("Asia/Beirut", "2024-10-27"),
    "midnight comes twice": ("America/Havana", "2024-11-03"),
    "yesterday comes again after a minute": ("America/St_Johns", "2010-11-07"),
    "clocks go forward by half an hour": ("Australia/Lord_Howe", "2024-10-06"),
    "half hours, and no change": ("Asia/Kolkata", "2024-03-01"),
    "a day was skipped": ("Pacific/Apia", "2011-12-30"),
    "a day was skipped that others had": ("Pacific/Kwajalein", "1993-08-21"),
    "a day came twice": ("Pacific/Kwajalein", "1969-09-30"),
}
"""What happened, where, and on which local day."""
