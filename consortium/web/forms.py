"""How every form of the portal is drawn."""

from __future__ import annotations

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Labels above fields, help and errors below, described for screen readers."""

    form_template_name = "web/form.html"
    field_template_name = "web/field.html"
