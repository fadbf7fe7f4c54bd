"""The keyboard-only screen: gathers input, calls one function of the till, shows the outcome."""
