
import django.core.validators
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('institutions', '0002_owners'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AffiliateGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True, validators=[django.core.validators.RegexValidator('^[A-Z0-9][A-Z0-9_-]{0,39}$')], verbose_name='code')),
                ('name', models.CharField(max_length=160, verbose_name='name')),
                ('name_zh', models.CharField(blank=True, max_length=160, verbose_name='name in Chinese')),
            ],
            options={
                'verbose_name': 'affiliate group',
                'verbose_name_plural': 'affiliate groups',
                'ordering': ('code',),
            },
        ),
        migrations.AddField(
            model_name='institution',
            name='left_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='left'),
        ),
        migrations.AddField(
            model_name='institution',
            name='lei',
            field=models.CharField(blank=True, default='', max_length=20, verbose_name='legal entity identifier'),
        ),
        migrations.AddField(
            model_name='institution',
            name='registration_number',
            field=models.CharField(blank=True, default='', max_length=40, verbose_name='registration number'),
        ),
        migrations.AddField(
            model_name='institution',
            name='state_reason',
            field=models.CharField(blank=True, default='', max_length=500, verbose_name='reason'),
        ),
        migrations.CreateModel(
            name='Agreement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(unique=True, verbose_name='version')),
                ('text_en', models.TextField(verbose_name='English text')),
                ('text_zh', models.TextField(verbose_name='Chinese text')),
                ('effective_on', models.DateField(verbose_name='effective on')),
                ('accept_by', models.DateField(verbose_name='to be accepted by')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('issued_at', models.DateTimeField(auto_now_add=True, verbose_name='issued')),
                ('issued_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'membership agreement',
                'ordering': ('-version',),
            },
        ),
        migrations.CreateModel(
            name='AgreementAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='full name')),
                ('position', models.CharField(max_length=120, verbose_name='position')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('accepted_at', models.DateTimeField(auto_now_add=True, verbose_name='accepted')),
                ('agreement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acceptances', to='institutions.agreement')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acceptances', to='institutions.institution')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'acceptance',
                'ordering': ('-accepted_at',),
            },
        ),
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('state', models.CharField(choices=[('submitted', 'Waiting for the e-mail to be confirmed'), ('confirmed', 'New'), ('in_review', 'In review'), ('admitted', 'Admitted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='submitted', max_length=10, verbose_name='state')),
                ('name', models.CharField(max_length=160, verbose_name='legal name')),
                ('name_zh', models.CharField(blank=True, max_length=160, verbose_name='name in Chinese')),
                ('kind', models.CharField(choices=[('national_bank', 'National bank'), ('city_bank', 'City commercial bank'), ('rural_bank', 'Rural bank'), ('consumer_finance', 'Consumer finance company'), ('credit_union', 'Credit union'), ('other', 'Other lender')], max_length=30, verbose_name='kind')),
                ('size_band', models.CharField(choices=[('small', 'Small'), ('medium', 'Medium'), ('large', 'Large')], max_length=10, verbose_name='size')),
                ('home_region', models.CharField(max_length=20, verbose_name='home region')),
                ('registration_number', models.CharField(blank=True, max_length=40, verbose_name='registration number')),
                ('lei', models.CharField(blank=True, max_length=20, verbose_name='legal entity identifier')),
                ('contact_name', models.CharField(max_length=120, verbose_name='contact person')),
                ('contact_position', models.CharField(max_length=120, verbose_name='position')),
                ('contact_email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('reason', models.TextField(max_length=4000, verbose_name='why you want to join')),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', 'Simplified Chinese')], default='en', max_length=10, verbose_name='language')),
                ('source', models.CharField(blank=True, max_length=64)),
                ('submitted_at', models.DateTimeField(auto_now_add=True, verbose_name='submitted')),
                ('confirmed_at', models.DateTimeField(blank=True, null=True, verbose_name='confirmed')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('decision', models.TextField(blank=True, max_length=2000, verbose_name='reason of the decision')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='application', to='institutions.institution', verbose_name='institution')),
                ('reviewer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'application',
                'verbose_name_plural': 'applications',
                'ordering': ('-submitted_at',),
            },
        ),
        migrations.CreateModel(
            name='ApplicationQuestion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('question', models.TextField(max_length=2000, verbose_name='question')),
                ('asked_at', models.DateTimeField(auto_now_add=True, verbose_name='asked')),
                ('answer', models.TextField(blank=True, max_length=4000, verbose_name='answer')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='institutions.application')),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'question',
                'ordering': ('asked_at', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='ApprovalWaiver',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(auto_now_add=True, verbose_name='asked')),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='approval_waiver', to='institutions.institution')),
            ],
            options={
                'verbose_name': 'request to end the approval by a second person',
            },
        ),
        migrations.CreateModel(
            name='Departure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('declared', 'Declared'), ('confirmed', 'Confirmed'), ('called_off', 'Called off'), ('done', 'Done')], default='declared', max_length=10, verbose_name='state')),
                ('leaves_on', models.DateField(verbose_name='leaves on')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('declared_at', models.DateTimeField(auto_now_add=True, verbose_name='declared')),
                ('confirmed_at', models.DateTimeField(null=True, verbose_name='confirmed')),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('declared_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='departures', to='institutions.institution')),
            ],
            options={
                'verbose_name': 'departure',
                'ordering': ('-declared_at',),
            },
        ),
        migrations.CreateModel(
            name='Affiliation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='affiliations', to='institutions.affiliategroup')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='affiliations', to='institutions.institution')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'affiliation',
                'ordering': ('-since', '-pk'),
                'constraints': [models.UniqueConstraint(condition=models.Q(('until__isnull', True)), fields=('institution',), name='one_affiliate_group_at_a_time'), models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gte', models.F('since')), _connector='OR'), name='affiliations_end_after_they_begin')],
            },
        ),
        migrations.AddConstraint(
            model_name='agreement',
            constraint=models.CheckConstraint(condition=models.Q(('accept_by__gte', models.F('effective_on'))), name='agreements_are_accepted_after_they_take_effect'),
        ),
        migrations.AddConstraint(
            model_name='agreementacceptance',
            constraint=models.UniqueConstraint(fields=('agreement', 'institution'), name='one_acceptance_of_each_agreement'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['source', '-submitted_at'], name='applications_of_a_source'),
        ),
        migrations.AddIndex(
            model_name='application',
            index=models.Index(fields=['state'], name='applications_by_state'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'admitted'), _negated=True), ('institution__isnull', False), _connector='OR'), name='admitted_applications_have_an_institution'),
        ),
        migrations.AddConstraint(
            model_name='departure',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['declared', 'confirmed'])), fields=('institution',), name='one_departure_at_a_time'),
        ),
    ]
