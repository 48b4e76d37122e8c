import { Link, Outlet } from "@tanstack/react-router";
import { saveToken, useToken } from "../api/token";
import { messages } from "../messages";
import { Icon } from "./Icon";
import { TokenDialog } from "./TokenDialog";
import { setTheme, useTheme } from "./theme";

const PAGES = [
  { to: "/jobs", label: messages.app.jobs },
  { to: "/search", label: messages.app.search },
  { to: "/operations", label: messages.app.operations },
] as const;

/** Frame every page: the way to the others, the theme, and the main button. */
export function Layout() {
  const token = useToken();
  return (
    <>
      <a className="skip" href="#content">
        {messages.app.skip}
      </a>
      <header className="bar">
        <div className="bar__row">
          <Link to="/jobs" className="brand">
            <Logo />
            {messages.app.name}
          </Link>
          <nav className="nav" aria-label={messages.app.nav}>
            {PAGES.map((page) => (
              <Link key={page.to} to={page.to} activeProps={{ "aria-current": "page" }}>
                {page.label}
              </Link>
            ))}
          </nav>
          <span className="bar__spacer" />
          {token && (
            <button type="button" className="button button--quiet" onClick={() => saveToken(null)}>
              {messages.token.forget}
            </button>
          )}
          <ThemeButton />
          <Link to="/submit" className="button button--primary">
            <Icon name="plus" />
            {messages.app.submit}
          </Link>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <TokenDialog />
    </>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  const label = other === "dark" ? messages.app.themeToDark : messages.app.themeToLight;
  return (
    <button
      type="button"
      className="button button--quiet button--icon"
      aria-label={label}
      title={label}
      onClick={() => setTheme(other)}
    >
      <Icon name={other === "dark" ? "moon" : "sun"} />
    </button>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M8 11h16l-2.200 7H10.200z" fill="var(--on-accent)" />
      <path d="M14.500 18h3v5h4v2.500h-11V23h4z" fill="var(--on-accent)" opacity=".75" />
    </svg>
  );
}
