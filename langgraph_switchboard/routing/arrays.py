"""numpy, or the line that installs it: the one place where routing asks for it."""

from langgraph_switchboard.errors import MissingExtra

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as error:
    raise MissingExtra("numpy", "routing", why="The trained router") from error

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
Places = NDArray[np.int64]

__all__ = ["Floats", "NDArray", "Places", "Scores", "np"]
