from consortium.settings.base import *
