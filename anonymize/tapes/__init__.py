"""Where a tape comes from: files, workbooks, databases, two of them joined; `anonymize.tape` opens one."""
