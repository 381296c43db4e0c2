"""What a program does: run hostile code in a jail, judge it outside."""
