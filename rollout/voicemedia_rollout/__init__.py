"""What both houses must decide alike: the flag document and the guard over it. Knows no clock."""
