"""Affiliate groups were a text beside each institution: each becomes a group, joined on the day of admission."""

from django.db import migrations
from django.utils import timezone


def make_groups(apps, schema_editor):
    institution = apps.get_model("institutions", "Institution")
    group = apps.get_model("institutions", "AffiliateGroup")
    affiliation = apps.get_model("institutions", "Affiliation")
    for member in institution.objects.exclude(affiliate_group="").order_by("pk"):
        its_group, _made = group.objects.get_or_create(
            code=member.affiliate_group, defaults={"name": member.affiliate_group}
        )
        affiliation.objects.create(
            group=its_group, institution=member, since=member.admitted_at or timezone.now(), recorded_by=None
        )


def forget_groups(apps, schema_editor):
    apps.get_model("institutions", "Affiliation").objects.all().delete()
    apps.get_model("institutions", "AffiliateGroup").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("institutions", "0003_joining_and_leaving")]

    operations = [migrations.RunPython(make_groups, forget_groups)]
