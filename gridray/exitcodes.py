"""How a runner exits where that is not its script's word.

The controller goes by the two that mean that nothing could be said in `state.json`: that the store
cannot be reached, and that the attempt is not wanted.
"""

import signal

# Its node cannot reach the store.
STORE_UNREACHABLE = 97
# Whoever started it is gone.
ORPHANED = 98
# Another attempt has taken its place, or none is wanted.
FENCED = 99
STOPPED = 128 + signal.SIGTERM
