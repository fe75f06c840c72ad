from gridray.ui.site import Site


def register(site: Site) -> None: ...
