"""The facts and the words of the privacy report; `anonymize.report` renders it."""
