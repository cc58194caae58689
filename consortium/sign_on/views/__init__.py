"""The pages that django-allauth has not: own sessions, helping somebody back in, single sign-on."""
