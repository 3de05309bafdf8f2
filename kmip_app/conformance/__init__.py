"""The official test cases of OASIS, played against this server or any other.

cases        the files, and what stands in them
settings     which cases need a server with a setting, or another case before them
corrections  errors of the official files
runner       plays one case
comparison   judges an answer, strictly
own_servers  servers of this process to play against
report       the result of a run: text, JSON, JUnit, HTML
"""
