"""Train as train.py does; at step 7 the second process gets a signal, unless it was restarted.

The signal is SIGNAL of the environment.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import train
from recipe.errors import command
from recipe.trainer import Trainer

go_on = Trainer.train_step


def train_step(self, images, labels):
    first_life = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if first_life and self.step == 7 and self.world.share.rank == 1:
        os.kill(os.getpid(), signal.Signals[os.environ["SIGNAL"]])
    return go_on(self, images, labels)


Trainer.train_step = train_step
command(train.main)
