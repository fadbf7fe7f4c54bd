"""Wire: everything that leaves the till for another machine or comes from one."""
