"""The screens, one file each: a screen gathers input, calls one function of the till, shows the outcome."""
