"""What gunicorn serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings.embedded")
application = get_wsgi_application()
gc.freeze()  # what is loaded by now stays: no collection has to walk half a million objects within a request
