import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('institutions', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('submitter', 'Submitter'), ('analyst', 'Analyst'), ('approver', 'Approver'), ('administrator', 'Member administrator'), ('collection_manager', 'Collection manager'), ('statistician', 'Statistician'), ('secretariat', 'Secretariat'), ('policy_editor', 'Policy editor'), ('member_services', 'Member services'), ('auditor', 'Auditor'), ('observer', 'Regulator observer')], max_length=30), size=None, verbose_name='roles')),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', 'Simplified Chinese')], default='en', max_length=10, verbose_name='language')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('joined_at', models.DateTimeField(auto_now_add=True)),
                ('institution', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='people', to='institutions.institution', verbose_name='institution')),
            ],
            options={
                'verbose_name': 'person',
                'verbose_name_plural': 'people',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='one_person_per_email'), models.CheckConstraint(condition=models.Q(models.Q(('institution__isnull', True), ('roles__contained_by', ['auditor', 'collection_manager', 'member_services', 'observer', 'policy_editor', 'secretariat', 'statistician'])), models.Q(('institution__isnull', False), ('roles__contained_by', ['administrator', 'analyst', 'approver', 'submitter'])), _connector='OR'), name='roles_fit_the_side')],
            },
        ),
    ]
