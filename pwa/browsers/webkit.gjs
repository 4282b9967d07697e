/**
 * A window with nothing but WebKitGTK in it, as a phone's browser shows a page: what the tests drive by WebKitWebDriver.
 *
 *     gjs -m webkit.gjs FOLDER WIDTHxHEIGHT light|dark
 *
 * It stands in for WebKitGTK's own MiniBrowser, which keeps nothing on the disk while it is driven: here the profile lies in
 * FOLDER, so that the browser can be started anew on it and its files be searched. It runs under gjs, and is no module of the app.
 */

import System from "system";
import GLib from "gi://GLib?version=2.0";
import Gtk from "gi://Gtk?version=3.0";
import WebKit from "gi://WebKit2?version=4.1";

const [folder = "", size = "", scheme = ""] = System.programArgs;
const [width = 0, height = 0] = size.split("x").map(Number);
if (folder === "" || !(width > 0 && height > 0)) throw new Error("webkit: FOLDER WIDTHxHEIGHT light|dark");

Gtk.init(null);
const look = Gtk.Settings.get_default();
// What pages are told the person prefers; and fades of the window would be in pictures of it.
look.gtk_application_prefer_dark_theme = scheme === "dark";
look.gtk_enable_animations = false;

const context = WebKit.WebContext.new_with_website_data_manager(
  new WebKit.WebsiteDataManager({ base_data_directory: folder, base_cache_directory: GLib.build_filenamev([folder, "cache"]) }),
);
context.set_preferred_languages(["en-GB"]);
context.set_automation_allowed(true);

const view = new WebKit.WebView({ web_context: context, is_controlled_by_automation: true });
const window = new Gtk.Window({ decorated: false, default_width: width, default_height: height });
window.add(view);
window.connect("destroy", () => Gtk.main_quit());
window.show_all();

context.connect("automation-started", (_context, session) => {
  const info = new WebKit.ApplicationInfo();
  info.set_name("Kith");
  session.set_application_info(info);
  session.connect("create-web-view::tab", () => view);
  session.connect("create-web-view::window", () => view);
});

Gtk.main();
